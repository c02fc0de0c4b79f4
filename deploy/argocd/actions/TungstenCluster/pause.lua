-- Stops reconciling the site.
obj.spec.paused = true
return obj
