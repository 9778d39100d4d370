import { WebGlPointLayer } from "../../src/map/point_layer";
import { offerLayer } from "./own_layer";

offerLayer((canvas) => WebGlPointLayer.create(canvas, true, () => undefined));
