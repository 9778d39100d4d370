import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/app";
import { sourceOf } from "./data/page_data";
import { openSource } from "./state/actions";
import { initialState, Store, StoreContext } from "./state/store";
import "./app/style.css";

const root = document.getElementById("root");
if (!root) throw new Error("the page has no #root");
const store = new Store(initialState);
void openSource(store, sourceOf(), location.hash);
createRoot(root).render(
  <StrictMode>
    <StoreContext value={store}>
      <App />
    </StoreContext>
  </StrictMode>,
);
