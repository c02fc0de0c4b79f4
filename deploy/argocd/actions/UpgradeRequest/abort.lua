-- Asks for the way back while nothing was uninstalled; the request answers in its condition Progressing if that comes too late.
obj.spec.abort = true
return obj
