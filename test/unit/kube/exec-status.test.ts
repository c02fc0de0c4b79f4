/** What the end of an exec session is taken for: exit codes from causes, refusals, and everything else as lost. */
import { expect, test } from "@jest/globals";
import { outcomeOf, refusalOf } from "../../../src/kube/exec-status.ts";

const output = {
  stdout: [Buffer.from("é").subarray(0, 1), Buffer.from("é").subarray(1)],
  stderr: [],
  bytes: 2,
};
const failure = (reason: string, message: string, causes?: object[]) =>
  outcomeOf(
    JSON.stringify({ status: "Failure", reason, message, ...(causes && { details: { causes } }) }),
    output,
  );

test("exit codes come from the cause, 137 as it is, and a character cut between frames stays whole", () => {
  expect(outcomeOf('{"status":"Success"}', output)).toEqual({
    kind: "exited",
    code: 0,
    stdout: "é",
    stderr: "",
  });
  for (const code of [3, 137])
    expect(failure("NonZeroExitCode", "x", [{ reason: "ExitCode", message: String(code) }])).toMatchObject({
      kind: "exited",
      code,
    });
});

test("a failure without a code is lost, unless the runtime found nothing to begin", () => {
  expect(failure("InternalError", "stream broke").kind).toBe("lost");
  expect(failure("InternalError", "container not found (tungsten)").kind).toBe("refused");
  expect(failure("NonZeroExitCode", "x", [{ reason: "ExitCode", message: "soon" }]).kind).toBe("lost");
  for (const frame of ["", "null", "<html>", "[]"]) expect(outcomeOf(frame, output).kind).toBe("lost");
});

test("a refused upgrade carries the server's sentence; a gateway's 5xx is lost", () => {
  expect(refusalOf(403, '{"message":"only the runner"}')).toEqual({
    kind: "refused",
    why: "HTTP 403: only the runner",
  });
  expect(refusalOf(502, "<html>password=x</html>")).toEqual({ kind: "lost", why: "HTTP 502" });
});
