/** CustomResourceDefinitions as data, made from the kinds' schemas. */

import type * as z from "zod";
import { compositeService } from "./composite-service.ts";
import { crossSiteLink } from "./cross-site-link.ts";
import type { CustomResource } from "./fields.ts";
import { type JsonSchema, structuralSchema } from "./structural.ts";
import { tungstenCluster } from "./tungsten-cluster.ts";
import { upgradeRequest } from "./upgrade-request.ts";

export const group = "tungsten-operator.io";
export const version = "v1alpha1";
export const apiVersion = `${group}/${version}`;

export type AnyResource = CustomResource<z.ZodType, z.ZodType>;
export const resources: readonly AnyResource[] = [
  tungstenCluster,
  compositeService,
  crossSiteLink,
  upgradeRequest,
];

/** The CRD of one kind. It stays when the chart is uninstalled: deleting it would delete every object of the kind. */
export function definitionOf(resource: AnyResource): JsonSchema {
  const { kind, plural, singular, shortNames, columns, description } = resource;
  const schema = {
    type: "object",
    description,
    required: ["spec"],
    properties: { spec: structuralSchema(resource.spec), status: structuralSchema(resource.status) },
  };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${group}`, annotations: { "helm.sh/resource-policy": "keep" } },
    spec: {
      group,
      scope: "Namespaced",
      names: { kind, plural, singular, shortNames, categories: ["tungsten"], listKind: `${kind}List` },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: columns,
          schema: { openAPIV3Schema: schema },
        },
      ],
    },
  };
}
