-- Approves the plan that the status shows, and no other: a plan that has changed since then has another hash.
obj.spec.approvedPlan = obj.status.plan.hash
return obj
