/** Runs one of Argo CD's scripts as Argo CD does: the object is the global `obj`, what the script returns is the answer. */
import { createRequire } from "node:module";

type State = object;
type Text = Uint8Array;
/** The few of fengari's functions that are used; the package brings no types. */
type Fengari = {
  readonly lua: {
    readonly LUA_OK: number;
    readonly LUA_TNIL: number;
    readonly LUA_TBOOLEAN: number;
    readonly LUA_TNUMBER: number;
    readonly LUA_TSTRING: number;
    readonly LUA_TTABLE: number;
    readonly lua_pushnil: (state: State) => void;
    readonly lua_pushboolean: (state: State, value: boolean) => void;
    readonly lua_pushnumber: (state: State, value: number) => void;
    readonly lua_pushinteger: (state: State, value: number) => void;
    readonly lua_pushstring: (state: State, value: Text) => void;
    readonly lua_newtable: (state: State) => void;
    readonly lua_settable: (state: State, index: number) => void;
    readonly lua_setglobal: (state: State, name: Text) => void;
    readonly lua_next: (state: State, index: number) => number;
    readonly lua_pop: (state: State, count: number) => void;
    readonly lua_gettop: (state: State) => number;
    readonly lua_type: (state: State, index: number) => number;
    readonly lua_toboolean: (state: State, index: number) => boolean;
    readonly lua_tonumber: (state: State, index: number) => number;
    readonly lua_tojsstring: (state: State, index: number) => string;
    readonly lua_pcall: (state: State, args: number, results: number, handler: number) => number;
  };
  readonly lauxlib: {
    readonly luaL_newstate: () => State;
    readonly luaL_loadstring: (state: State, text: Text) => number;
    readonly luaL_requiref: (state: State, name: Text, open: unknown, global: number) => void;
  };
  readonly lualib: Readonly<Record<"luaopen_base" | "luaopen_table" | "luaopen_string", unknown>>;
  readonly to_luastring: (text: string) => Text;
};

const { lua, lauxlib, lualib, to_luastring } = createRequire(import.meta.url)("fengari") as Fengari;

/** The script's answer for `obj`. Of the libraries only those are there that Argo CD opens too. @throws what Lua says. */
export function runLua(script: string, obj: unknown): unknown {
  const state = lauxlib.luaL_newstate();
  const libraries = {
    _G: lualib.luaopen_base,
    table: lualib.luaopen_table,
    string: lualib.luaopen_string,
  };
  for (const [name, open] of Object.entries(libraries)) {
    lauxlib.luaL_requiref(state, to_luastring(name), open, 1);
    lua.lua_pop(state, 1);
  }
  push(state, obj);
  lua.lua_setglobal(state, to_luastring("obj"));
  const loaded = lauxlib.luaL_loadstring(state, to_luastring(script));
  if (loaded !== lua.LUA_OK || lua.lua_pcall(state, 0, 1, 0) !== lua.LUA_OK)
    throw new Error(lua.lua_tojsstring(state, -1));
  return read(state, lua.lua_gettop(state));
}

function push(state: State, value: unknown): void {
  if (value === null || value === undefined) lua.lua_pushnil(state);
  else if (typeof value === "boolean") lua.lua_pushboolean(state, value);
  else if (typeof value === "number")
    // Its integers have 32 bits; every other number is a float, as all are in Argo CD.
    (value | 0) === value ? lua.lua_pushinteger(state, value) : lua.lua_pushnumber(state, value);
  else if (typeof value === "string") lua.lua_pushstring(state, to_luastring(value));
  else {
    const entries: [string | number, unknown][] = Array.isArray(value)
      ? value.map((item, index) => [index + 1, item])
      : Object.entries(value);
    lua.lua_newtable(state);
    for (const [key, item] of entries) {
      push(state, key);
      push(state, item);
      lua.lua_settable(state, -3);
    }
  }
}

function read(state: State, index: number): unknown {
  switch (lua.lua_type(state, index)) {
    case lua.LUA_TNIL:
      return null;
    case lua.LUA_TBOOLEAN:
      return lua.lua_toboolean(state, index);
    case lua.LUA_TNUMBER:
      return lua.lua_tonumber(state, index);
    case lua.LUA_TSTRING:
      return lua.lua_tojsstring(state, index);
    case lua.LUA_TTABLE:
      return table(state, index);
    default:
      throw new Error("the script returns a function or the like");
  }
}

/** Keys 1 to n make a list, as Argo CD reads it; anything else is a record. */
function table(state: State, index: number): unknown {
  const entries: [string | number, unknown][] = [];
  lua.lua_pushnil(state);
  while (lua.lua_next(state, index) !== 0) {
    const top = lua.lua_gettop(state);
    entries.push([read(state, top - 1) as string | number, read(state, top)]);
    lua.lua_pop(state, 1);
  }
  const list = entries.length > 0 && entries.every(([key], place) => key === place + 1);
  return list ? entries.map(([, value]) => value) : Object.fromEntries(entries);
}
