-- Asks for the way back until the point of no return; the request answers in its condition Progressing if that comes too late.
obj.spec.revert = true
return obj
