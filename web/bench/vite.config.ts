import { defineConfig } from "vite";

export default defineConfig({
  root: "bench/libraries",
  logLevel: "warn",
  build: {
    outDir: "../../dist/bench",
    emptyOutDir: true,
    rollupOptions: { input: ["own", "raster", "regl", "deck"].map((name) => `bench/libraries/${name}.html`) },
  },
});
