// Copies the built page to where the program takes it from, and says what it weighs: node check_weight.mjs FROM TO
import { copyFileSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const weightMaxBytes = 1_500_000; // compressed, issue 8
const [from, to] = process.argv.slice(2);
const page = readFileSync(from);
const weightBytes = gzipSync(page).length;
console.log(`atlas page: ${page.length} bytes, ${weightBytes} compressed (at most ${weightMaxBytes})`);
if (/(?:src|href)="(?!data:)[^"#]+\.(?:js|css)"/.test(page.toString("utf8"))) {
  console.error("atlas page: it refers to files beside it; expected everything inside");
  process.exit(1);
}
if (weightBytes > weightMaxBytes) {
  console.error("atlas page: heavier than that");
  process.exit(1);
}
copyFileSync(from, to);
