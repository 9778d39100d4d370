import { RasterPointLayer } from "../../src/map/raster_layer";
import { offerLayer } from "./own_layer";

offerLayer((canvas) => RasterPointLayer.create(canvas));
