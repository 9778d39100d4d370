// The page: bar above, what colours and filters at the left, maps in the middle, what was found at the right, the table
// below.

import { type DragEvent, useEffect, useState } from "react";
import { readProjectorFiles } from "../data/projector_source";
import { messageOf, type Work } from "../data/source";
import { CollectionList } from "../panels/collection_list";
import { HoverCard } from "../panels/hover_card";
import { ItemTable } from "../panels/item_table";
import { Maps } from "../panels/maps";
import { ProblemPage } from "../panels/problem_page";
import { RightPanel } from "../panels/right_panel";
import { SidePanel } from "../panels/side_panel";
import { TopBar } from "../panels/top_bar";
import { dismiss, noticeChange, openSource, searchPicture } from "../state/actions";
import { type Store, useAtlas, useStore } from "../state/store";
import { encodeView } from "../state/view_link";

const linkDelayMs = 250;
const noticeMs = 6000;
const lookMs = 30_000; // between two looks whether the collection was written to

export function App() {
  const store = useStore();
  const problem = useAtlas((state) => state.problem);
  const ready = useAtlas((state) => state.dataset !== null && state.panes.length > 0);
  const table = useAtlas((state) => state.table);
  const collections = useAtlas((state) => state.collections);
  useTheme(store);
  useLink(store);
  useKeys(store);
  useChanges(store);
  return (
    <div className="page" data-table={table} onDragOver={(event) => event.preventDefault()} onDrop={(event) => void dropFiles(store, event)}>
      {ready && <TopBar />}
      {problem ? <ProblemPage problem={problem} /> : ready ? <Body /> : collections ? <CollectionList collections={collections} /> : <Opening />}
      {ready && <WorkNote />}
      <Notice />
    </div>
  );
}

const describe = ({ stage, done, total }: Work): string =>
  `The server works: ${stage}${total > 0 ? `, ${Math.floor((done / total) * 100)} %` : ""}`;

function Opening() {
  const work = useAtlas((state) => state.work);
  return (
    <main className="page-state" aria-busy="true">
      <h1>Opening the map…</h1>
      {work && <p>{describe(work)}</p>}
    </main>
  );
}

function WorkNote() {
  const work = useAtlas((state) => state.work);
  return work && <p className="work">{describe(work)}</p>;
}

function Body() {
  const table = useAtlas((state) => state.table);
  return (
    <>
      <SidePanel />
      <Maps />
      <RightPanel />
      {table && <ItemTable />}
      <HoverCard />
    </>
  );
}

// Spoken by screen readers, and shown for a while.
function Notice() {
  const store = useStore();
  const notice = useAtlas((state) => state.notice);
  useEffect(() => {
    if (!notice) return;
    const timer = setTimeout(() => store.set({ notice: "" }), noticeMs);
    return () => clearTimeout(timer);
  }, [notice, store]);
  return (
    <div className="notice" role="status" aria-live="polite" data-shown={notice !== ""}>
      {notice}
    </div>
  );
}

function useTheme(store: Store): void {
  const theme = useAtlas((state) => state.theme);
  const [systemDark, setSystemDark] = useState(() => window.matchMedia("(prefers-color-scheme: dark)").matches);
  useEffect(() => {
    const query = window.matchMedia("(prefers-color-scheme: dark)");
    const changed = () => setSystemDark(query.matches);
    query.addEventListener("change", changed);
    return () => query.removeEventListener("change", changed);
  }, []);
  const dark = theme === "auto" ? systemDark : theme === "dark";
  useEffect(() => {
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    if (store.get().dark !== dark) store.set({ dark });
  }, [dark, store]);
}

function useLink(store: Store): void {
  useEffect(() => {
    let timer = 0;
    let written = "";
    const unsubscribe = store.subscribe(() => {
      clearTimeout(timer);
      timer = window.setTimeout(() => {
        const state = store.get();
        if (!state.dataset || state.panes.length === 0) return;
        written = `#${encodeView(state)}`;
        if (written !== location.hash) history.replaceState(null, "", written);
      }, linkDelayMs);
    });
    // A link that was pasted into the open page.
    const pasted = () => {
      const { dataset } = store.get();
      if (dataset && location.hash !== written) void openSource(store, dataset.source, location.hash);
    };
    window.addEventListener("hashchange", pasted);
    return () => {
      unsubscribe();
      clearTimeout(timer);
      window.removeEventListener("hashchange", pasted);
    };
  }, [store]);
}

function useChanges(store: Store): void {
  useEffect(() => {
    const look = (): void => {
      if (!document.hidden) void noticeChange(store);
    };
    const timer = setInterval(look, lookMs);
    window.addEventListener("focus", look);
    return () => {
      clearInterval(timer);
      window.removeEventListener("focus", look);
    };
  }, [store]);
}

function useKeys(store: Store): void {
  useEffect(() => {
    const keyDown = (event: KeyboardEvent): void => {
      const writing = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement;
      if (event.key === "Escape") {
        if (writing) event.target.blur();
        dismiss(store);
      } else if (event.key === "/" && !writing) {
        event.preventDefault();
        document.getElementById("search")?.focus();
      }
    };
    window.addEventListener("keydown", keyDown);
    return () => window.removeEventListener("keydown", keyDown);
  }, [store]);
}

// A picture is searched by; a projector's files are opened as a map of their own.
async function dropFiles(store: Store, event: DragEvent): Promise<void> {
  event.preventDefault();
  const files = [...event.dataTransfer.files];
  if (files.length === 0) return;
  const vectors = files.find((file) => /vectors.*\.tsv$|tensor.*\.tsv$/i.test(file.name));
  const picture = files.find((file) => file.type.startsWith("image/"));
  if (vectors) {
    try {
      await openSource(store, await readProjectorFiles(vectors, files.find((file) => /meta.*\.tsv$/i.test(file.name)) ?? null));
    } catch (problem) {
      store.set({ notice: messageOf(problem) });
    }
  } else if (picture) await searchPicture(store, picture);
  else store.set({ notice: "Drop a picture to search by it, or vectors.tsv and metadata.tsv to open them" });
}
