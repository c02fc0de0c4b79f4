-- Which buttons an UpgradeRequest has, and which of them can be pressed now.
local status, spec = obj.status or {}, obj.spec
local ledger, plan = status.ledger or {}, status.plan or {}
local phase = ledger.phase or "Planning"
local over = phase == "Finished"
local turned = ledger.direction ~= nil and ledger.direction ~= "Forward"

return {
  ["approve"] = { disabled = phase ~= "Planning" or plan.hash == nil or spec.approvedPlan == plan.hash or spec.dryRun == true },
  ["pause"] = { disabled = over or spec.paused == true },
  ["resume"] = { disabled = over or spec.paused ~= true },
  ["abort"] = { disabled = over or turned or spec.abort == true },
  ["revert"] = { disabled = over or turned or phase == "Planning" or spec.revert == true },
}
