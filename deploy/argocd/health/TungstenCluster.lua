-- How Argo CD shows a TungstenCluster. It is Degraded only when no procedure and no installation explains what is down.
local status, conditions = obj.status or {}, {}
for _, condition in ipairs(status.conditions or {}) do conditions[condition.type] = condition end

local function is(type, value) return conditions[type] ~= nil and conditions[type].status == value end
local function health(word, type) return { status = word, message = conditions[type].message } end

if obj.spec.paused then return { status = "Suspended", message = "spec.paused is set: nothing is reconciled" } end
if (status.observedGeneration or 0) < (obj.metadata.generation or 1) then
  return { status = "Progressing", message = "the operator has not seen this version yet" }
end
if is("Accepted", "False") then return health("Degraded", "Accepted") end
if is("Installed", "False") and not ({ Installing = true, Filling = true, Joining = true, Waiting = true })[conditions.Installed.reason] then return health("Degraded", "Installed") end
if conditions.Installed ~= nil and conditions.Installed.reason == "VolumesLost" then return health("Degraded", "Installed") end
-- A change of its own that waits for a word or its turn keeps it as it was; one that halted does not.
local works = {
  Applying = true, Restarting = true, Scaling = true, Changing = true, Settling = true, Looking = true, Mounting = true,
  Bringing = true, NotThere = true,
  TakingOut = true, BringingBack = true, Expanding = true, Leaving = true,
}
local rests = {
  Waiting = true, ApprovalNeeded = true, RestartPending = true, DatabasesFirst = true, FormerInUse = true, FormerStillGood = true,
  NodesFirst = true, ConnectorsFollow = true,
}
for _, change in ipairs({
  "NodesInService", "ConfigurationApplied", "DatabaseCurrent", "AccountsCurrent", "TransportCurrent",
  "ConnectorsInService", "HandWorkDone", "VolumesCurrent", "LinksCurrent", "MembershipCurrent",
}) do
  local reason = is(change, "False") and conditions[change].reason or "Waiting"
  if reason == "HandWork" then return health("Suspended", change) end
  if works[reason] then return health("Progressing", change) end
  if not rests[reason] then return health("Degraded", change) end
end
if is("Ready", "True") then return health("Healthy", "Ready") end
if conditions.Ready == nil then return { status = "Progressing", message = "not looked at yet" } end
if conditions.Ready.reason == "ReplicationError" or conditions.Ready.reason == "ClientsKeptAway" then return health("Degraded", "Ready") end
-- A site that has left its composite: whether its data are wanted still is a human's word.
if conditions.Ready.reason == "OutOfService" then return health("Suspended", "Ready") end
if is("Installed", "True") and conditions.Ready.reason == "NotReplicating" then return health("Degraded", "Ready") end
return health("Progressing", "Ready")
