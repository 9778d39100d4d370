import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/app";
import { pageData, sourceOf } from "./data/page_data";
import { openList, openSource } from "./state/actions";
import { initialState, Store, StoreContext } from "./state/store";
import "./app/style.css";

const root = document.getElementById("root");
if (!root) throw new Error("the page has no #root");
const store = new Store(initialState);
const data = pageData();
if (data.mode === "list") void openList(store, data.base ?? "/v1/collections");
else void openSource(store, sourceOf(data, (work) => store.set({ work })), location.hash);
createRoot(root).render(
  <StrictMode>
    <StoreContext value={store}>
      <App />
    </StoreContext>
  </StrictMode>,
);
