/** Who is named in the journal: the user only where nobody else could have written it, else the field manager. */
import { expect, test } from "@jest/globals";
import type { KubeObject } from "../../../src/controllers/shell.ts";
import { whoSaid } from "../../../src/controllers/spoken.ts";

const managed = (manager: string, field: string) => ({
  manager,
  operation: "Update",
  time: "2026-11-18T10:00:00Z",
  fieldsV1: { "f:spec": { [`f:${field}`]: {} } },
});
const request = (annotations: Readonly<Record<string, string>> = {}): KubeObject => ({
  apiVersion: "tungsten-operator.io/v1alpha1",
  kind: "UpgradeRequest",
  metadata: {
    name: "to-caa",
    annotations,
    managedFields: [managed("argocd", "procedure"), managed("kubectl-patch", "approvedPlan")],
  },
});
const both = {
  "tungsten-operator.io/requested-by": "system:serviceaccount:argocd:controller",
  "tungsten-operator.io/approved-by": "berta",
};
const manager = "by field manager «kubectl-patch» (Update) at 2026-11-18T10:00:00Z";

test("the user whom the API server's policy has stamped, for the field that he wrote", () => {
  expect(whoSaid(request(both), "approvedPlan", true)).toBe(
    `by user «berta», as the API server authenticated it, ${manager}`,
  );
  expect(whoSaid(request(both), "procedure", true)).toMatch(
    /^by user «system:serviceaccount:argocd:controller», .* by field manager «argocd»/,
  );
});

test("an annotation that anybody could have written is nobody's word", () => {
  expect(whoSaid(request(both), "approvedPlan", false)).toBe(manager);
});

test("a request from before the policy says that no user was stamped", () => {
  expect(whoSaid(request(), "approvedPlan", true)).toBe(`${manager}; no user was stamped`);
});
