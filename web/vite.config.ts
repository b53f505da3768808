import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { defineConfig, type Plugin } from "vite";

/** The service worker, with the list of what to keep for the day without signal. */
function precaching(): Plugin {
  return {
    name: "nexus-precaching",
    apply: "build",
    enforce: "post",
    generateBundle(_, bundle) {
      const own = readdirSync("public");
      const files = ["./", ...Object.keys(bundle).filter((name) => name !== "index.html"), ...own];
      const digest = createHash("sha256");
      for (const name of Object.keys(bundle).sort()) {
        const one = bundle[name]!;
        digest.update(one.type === "chunk" ? one.code : one.source);
      }
      for (const name of own) digest.update(readFileSync(`public/${name}`));
      const template = readFileSync("src/worker.js", "utf-8");
      digest.update(template);
      const source = template
        .replace("__FILES__", JSON.stringify(files))
        .replace("__EDITION__", JSON.stringify(digest.digest("hex").slice(0, 12)));
      this.emitFile({ type: "asset", fileName: "worker.js", source });
    },
  };
}

export default defineConfig({
  base: "/station/",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../src/nexus/stationclient/site",
    emptyOutDir: true,
    target: ["chrome87", "safari14"],
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
  plugins: [precaching()],
});
