-- Which buttons a TungstenCluster has, and which of them can be pressed now.
return {
  ["pause"] = { disabled = obj.spec.paused == true },
  ["resume"] = { disabled = obj.spec.paused ~= true },
  ["pause-procedures"] = { disabled = obj.spec.proceduresPaused == true },
  ["resume-procedures"] = { disabled = obj.spec.proceduresPaused ~= true },
}
