-- How Argo CD shows an UpgradeRequest. Suspended means: a human's word is awaited.
local status, conditions = obj.status or {}, {}
for _, condition in ipairs(status.conditions or {}) do conditions[condition.type] = condition end

local function is(type, value) return conditions[type] ~= nil and conditions[type].status == value end
local function health(word, type) return { status = word, message = conditions[type].message } end

if (status.observedGeneration or 0) < (obj.metadata.generation or 1) then
  return { status = "Progressing", message = "the operator has not seen this version yet" }
end
if is("Succeeded", "True") then return health("Healthy", "Succeeded") end
if is("Succeeded", "False") then return health("Degraded", "Succeeded") end
if is("Accepted", "False") then return health("Degraded", "Accepted") end
if is("Stalled", "True") then return health("Degraded", "Stalled") end
if is("Accepted", "Unknown") then return health("Progressing", "Accepted") end
if is("Approved", "False") then return health("Suspended", "Approved") end
if obj.spec.paused then return { status = "Suspended", message = "spec.paused is set" } end
if is("Queued", "True") then return health("Progressing", "Queued") end
if conditions.Progressing ~= nil then return health("Progressing", "Progressing") end
return { status = "Progressing", message = "the plan is being made" }
