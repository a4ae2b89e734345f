import { defineConfig } from "vitest/config";

/** Whatever changes the kernel of this host runs in namespaces of its own and alone on the machine. */
const rooted = ["test/kernel/**/*.test.ts", "test/lab/**/*.test.ts"];

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
