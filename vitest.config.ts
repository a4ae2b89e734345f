import { defineConfig } from "vitest/config";

/** What changes the kernel of a host, in namespaces of its own, or needs the machine for itself: one file at a time. */
const rooted = [
  "test/kernel/**/*.test.ts",
  "test/lab/**/*.test.ts",
  "test/ledger/**/*.test.ts",
  "test/package/**/*.test.ts",
];

export default defineConfig({
  test: {
    projects: [
      { test: { name: "unit", include: ["test/**/*.test.ts"], exclude: rooted, testTimeout: 30_000 } },
      {
        test: {
          name: "kernel",
          include: rooted,
          pool: "forks",
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
