-- Admits no new procedure to the site.
obj.spec.proceduresPaused = true
return obj
