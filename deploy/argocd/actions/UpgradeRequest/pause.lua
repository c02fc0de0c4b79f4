-- Stops the run after the part that is at work.
obj.spec.paused = true
return obj
