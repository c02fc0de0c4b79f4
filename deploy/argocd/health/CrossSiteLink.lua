-- How Argo CD shows a CrossSiteLink. One whose work a composite has taken over is Healthy: nothing is amiss, it may go.
local status, conditions = obj.status or {}, {}
for _, condition in ipairs(status.conditions or {}) do conditions[condition.type] = condition end

local function is(type, value) return conditions[type] ~= nil and conditions[type].status == value end
local function health(word, type) return { status = word, message = conditions[type].message } end

if (status.observedGeneration or 0) < (obj.metadata.generation or 1) then
  return { status = "Progressing", message = "the operator has not seen this version yet" }
end
if is("Accepted", "False") then return health("Degraded", "Accepted") end
if is("Superseded", "True") then return health("Healthy", "Superseded") end
if is("Ready", "True") then return health("Healthy", "Ready") end
if conditions.Ready == nil then return { status = "Progressing", message = "not looked at yet" } end
if conditions.Ready.reason == "NotReplicating" or conditions.Ready.reason == "ReplicationError" then return health("Degraded", "Ready") end
return health("Progressing", "Ready")
