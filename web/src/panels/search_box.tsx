// Search by meaning, by letters, by arithmetic of words; a picture is dropped on the page or chosen here.

import { useEffect, useState } from "react";
import { search, searchPicture } from "../state/actions";
import { type SearchMode, useAtlas, useStore } from "../state/store";

const hints: Record<SearchMode, string> = {
  meaning: "Search by meaning ( / )",
  contains: "Find letters ( / )",
  arithmetic: "king - man + woman ( / )",
};

export function SearchBox() {
  const store = useStore();
  const can = useAtlas((state) => state.dataset?.manifest.search);
  const mode = useAtlas((state) => state.searchMode);
  const query = useAtlas((state) => state.query);
  const [text, setText] = useState(query);
  useEffect(() => setText(query), [query]);
  const modes: [SearchMode, string][] = [["contains", "letters"]];
  if (can?.text) modes.unshift(["meaning", "meaning"]);
  if (can?.arithmetic) modes.push(["arithmetic", "arithmetic"]);
  return (
    <form
      className="search"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        void search(store, text);
      }}
    >
      <select
        aria-label="Search by"
        value={mode}
        onChange={(event) => store.set({ searchMode: event.target.value as SearchMode })}
      >
        {modes.map(([value, name]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </select>
      <input
        id="search"
        type="search"
        aria-label={mode === "arithmetic" ? "Arithmetic of words" : "Search"}
        placeholder={hints[mode]}
        value={text}
        autoComplete="off"
        onChange={(event) => {
          setText(event.target.value);
          if (event.target.value === "") void search(store, "");
        }}
      />
      {can?.image && (
        <label className="file" title="Search by a picture; or drop one on the map">
          <span aria-hidden="true">▣</span>
          <span className="unseen">Search by a picture</span>
          <input
            type="file"
            accept="image/*"
            onChange={(event) => {
              const file = event.target.files?.item(0);
              if (file) void searchPicture(store, file);
              event.target.value = "";
            }}
          />
        </label>
      )}
      <button type="submit">Search</button>
    </form>
  );
}
