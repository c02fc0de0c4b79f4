-- How Argo CD shows a CompositeService. One over sites that are not converted yet waits for somebody to ask for it.
local status, conditions = obj.status or {}, {}
for _, condition in ipairs(status.conditions or {}) do conditions[condition.type] = condition end

local function is(type, value) return conditions[type] ~= nil and conditions[type].status == value end
local function health(word, type) return { status = word, message = conditions[type].message } end

if (status.observedGeneration or 0) < (obj.metadata.generation or 1) then
  return { status = "Progressing", message = "the operator has not seen this version yet" }
end
if is("Accepted", "False") then return health("Degraded", "Accepted") end
if is("Ready", "True") then return health("Healthy", "Ready") end
if conditions.Ready == nil then return { status = "Progressing", message = "not looked at yet" } end
if conditions.Ready.reason == "AwaitingConversion" or conditions.Ready.reason == "InstalledOtherwise" then return health("Suspended", "Ready") end
if conditions.Ready.reason == "NotReplicating" then return health("Degraded", "Ready") end
return health("Progressing", "Ready")
