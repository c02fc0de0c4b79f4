// A jest transformer: Node's own type stripping keeps every line and column where it was.
import { stripTypeScriptTypes } from "node:module";

export default { process: (source) => ({ code: stripTypeScriptTypes(source) }) };
