/** Another release on every node of an estate in one window: the story, what is refused, what is waited for. */
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { hostOf } from "../../simulator/model.ts";
import { digest } from "../../simulator/oracle.ts";
import type { KubeObject } from "../../src/controllers/shell.ts";
import { clusterKind } from "../../src/kube/kinds.ts";
import { expectGolden } from "../golden.ts";
import {
  askForConversion,
  conditionOf,
  drive,
  namespace,
  newScene,
  pass,
  quiesce,
  type Scene,
  theRequest,
} from "./scene.ts";
import { edit, stepIs, until } from "./steering.ts";
import { storyOf } from "./story.ts";
import { newRelease } from "./upgrade-invariants.ts";
import { askForUpgrade, upgradeSoftware } from "./walks.ts";

const small = { sites: ["london", "nyc"], nodes: 2 } as const;
const outcome = (request: KubeObject): string | undefined => request.status?.ledger?.outcome;

async function refused(scene: Scene): Promise<string> {
  for (let n = 0; n < 3; n += 1) await pass(scene);
  const request = await theRequest(scene);
  expect(request.status?.ledger?.phase).not.toBe("Running");
  return conditionOf(request, "Accepted")?.message ?? "";
}

async function upgraded(scene: Scene, ask: (scene: Scene) => Promise<unknown> = askForUpgrade) {
  const watch = upgradeSoftware.watch(scene);
  await ask(scene);
  expect(outcome(await drive(scene, 180))).toBe("Succeeded");
  quiesce(scene);
  watch.end(upgradeSoftware.interruption);
  expect(watch.violations).toEqual([]);
}

describe("the story", () => {
  test("three sites with three nodes", async () => {
    await upgraded(await newScene({ sites: ["london", "nyc", "tokyo"], nodes: 3, seed: 7 }));
  });

  test("the journal tells it step by step", async () => {
    const scene = await newScene({ ...small, seed: 1 });
    await upgraded(scene);
    expectGolden(join(import.meta.dirname, "upgrade.story.txt"), storyOf(scene, { fed: true }));
  });

  test("of a composite, which has one product", async () => {
    const scene = await newScene({ ...small, seed: 3 });
    await askForConversion(scene);
    expect(outcome(await drive(scene))).toBe("Succeeded");
    await upgraded(scene);
  });

  test("a run that somebody began by hand on one node is finished", async () => {
    const scene = await newScene({ ...small, seed: 4 });
    const { cluster } = hostOf(scene.world, "london-1").volume.installed;
    if (cluster !== undefined) Object.assign(cluster, { release: newRelease });
    await upgraded(scene);
  });

  test("abort before the first update returns the policies and leaves all as it was", async () => {
    const scene = await newScene({ ...small, seed: 5 });
    const before = digest(scene.world);
    await askForUpgrade(scene);
    await until(scene, stepIs("EnterMaintenance"));
    edit(scene, { abort: true });
    expect(outcome(await drive(scene))).toBe("Aborted");
    quiesce(scene);
    expect(digest(scene.world)).toBe(before);
  });
});

const named = (release: string) => async (scene: Scene) => {
  await askForUpgrade(scene, {}, { release });
  for (const name of scene.world.sites.keys())
    scene.objects.edit(clusterKind, { namespace, name }, (object) => {
      object.spec.release = release;
    });
};
const runs = (scene: Scene, release: string): void => {
  for (const { volume } of scene.world.hosts.values())
    for (const product of Object.values(volume.installed)) Object.assign(product, { release });
};

describe("what is refused before anything is touched", () => {
  test.each<[string, (scene: Scene) => Promise<unknown>, RegExp]>([
    [
      "an older release",
      named("8.0.3-120"),
      /8\.0\.3-120 is older than 8\.0\.4-132: Tungsten does not go back/,
    ],
    ["an older build", named("8.0.4-131"), /8\.0\.4-131 is older than 8\.0\.4-132/],
    ["the release that runs", named("8.0.4-132"), /every node runs 8\.0\.4-132 already/],
    [
      "two majors at once",
      named("10.0.0-1"),
      /more than one major release after 8\.0\.4-132: go by way of 9\.x/,
    ],
    [
      "a site that names another release",
      async (scene) => {
        await askForUpgrade(scene);
        scene.objects.edit(clusterKind, { namespace, name: "london" }, (object) => {
          object.spec.release = "8.0.4-132";
        });
      },
      /spec\.release of TungstenCluster london is 8\.0\.4-132, and spec\.upgradeSoftware\.release 8\.0\.5-140/,
    ],
    [
      "a package that is missing on one node",
      async (scene) => {
        await askForUpgrade(scene);
        hostOf(scene.world, "nyc-1").volume.software.delete(newRelease);
      },
      /nyc-1 has no tungsten-clustering-8\.0\.5-140 in \/opt\/continuent\/software/,
    ],
    [
      "a full volume",
      async (scene) => {
        await askForUpgrade(scene);
        hostOf(scene.world, "nyc-1").freeBytes = 1_000_000_000;
      },
      /nyc-1 has 1000 MB free on \/opt/,
    ],
    [
      "8.0 without an administrator of the REST interface",
      async (scene) => {
        runs(scene, "7.2.0-20");
        await askForUpgrade(scene);
      },
      /spec\.options of TungstenCluster \w+ does not say rest-api-admin-user/,
    ],
    [
      "a release before 6",
      async (scene) => {
        runs(scene, "5.4.1-10");
        await named("6.1.0-1")(scene);
      },
      /5\.4\.1-10 is of the releases before 6/,
    ],
    [
      "a service that is offline",
      async (scene) => {
        hostOf(scene.world, "london-1").replicators.crossSite?.services.forEach((service) => {
          service.state = "OFFLINE:NORMAL";
        });
        await askForUpgrade(scene);
      },
      /service nyc of london-1 is OFFLINE:NORMAL/,
    ],
  ])("%s", async (_name, ask, says) => {
    const scene = await newScene({ ...small, seed: 2 });
    await ask(scene);
    expect(await refused(scene)).toMatch(says);
  });
});

describe("in the middle", () => {
  test("spec.release that changes halts it, and the old word lets it go on", async () => {
    const scene = await newScene({ ...small, seed: 6 });
    const watch = upgradeSoftware.watch(scene);
    await askForUpgrade(scene);
    await until(scene, stepIs("UpdateReplicas"));
    const say = (release: string) =>
      scene.objects.edit(clusterKind, { namespace, name: "london" }, (object) => {
        object.spec.release = release;
      });
    say("8.0.6-150");
    await until(scene, (request) => conditionOf(request, "Stalled")?.reason === "WorldDeparted");
    say(newRelease);
    expect(outcome(await drive(scene, 90))).toBe("Succeeded");
    quiesce(scene);
    watch.end(upgradeSoftware.interruption);
    expect(watch.violations).toEqual([]);
  });
});
