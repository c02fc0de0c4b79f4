-- Reconciles the site again.
obj.spec.paused = false
return obj
