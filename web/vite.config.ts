import react from "@vitejs/plugin-react";
import { viteSingleFile } from "vite-plugin-singlefile";
import { defineConfig } from "vitest/config";

// One file: the program holds it, and a folder that `asterism atlas --export` writes opens by double click.
export default defineConfig({
  plugins: [react(), viteSingleFile({ removeViteModuleLoader: true })],
  build: { target: "es2022", outDir: "dist/page", emptyOutDir: true, reportCompressedSize: true },
  test: { environment: "happy-dom", include: ["tests/unit/**/*_test.{ts,tsx}"] },
});
