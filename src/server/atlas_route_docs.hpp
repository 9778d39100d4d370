// The documentation of the routes of atlases, for atlas_routes.cpp. Thread-safety: pure functions.
#pragma once

#include "server/route_doc.hpp"

namespace asterism::server::atlas_docs {

RouteDoc manifest();
RouteDoc points();
RouteDoc column();
RouteDoc distortion();
RouteDoc labels();
RouteDoc ids();
RouteDoc series();
RouteDoc items();
RouteDoc find();
RouteDoc thumbnail();
RouteDoc sprite();
RouteDoc neighbors();
RouteDoc search();
RouteDoc copy();
RouteDoc export_all();
RouteDoc export_rows();
RouteDoc page();

}  // namespace asterism::server::atlas_docs
