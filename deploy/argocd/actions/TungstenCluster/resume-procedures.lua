-- Admits procedures to the site again.
obj.spec.proceduresPaused = false
return obj
