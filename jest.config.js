// Tests run as ES modules; a transformer of a few lines strips the types, so that line numbers stay true.
export default {
  testEnvironment: "node",
  extensionsToTreatAsEsm: [".ts"],
  transform: { "\\.ts$": "<rootDir>/test/strip-types.mjs" },
  testMatch: ["<rootDir>/test/**/*.test.ts"],
  testTimeout: 120_000,
  // Without it jest leaves one of two cores idle.
  maxWorkers: "100%",
};
