-- Lets a paused run go on.
obj.spec.paused = false
return obj
