// libtiff, loaded when the first TIFF comes: few runs meet one, and it brings a dozen libraries along.
#pragma once

#include <tiffio.h>

#include "asterism/error.hpp"

namespace asterism {

// The functions of libtiff that are used here, by their names without TIFF.
struct TiffLibrary {
  decltype(&::TIFFOpenOptionsAlloc) open_options_alloc = nullptr;
  decltype(&::TIFFOpenOptionsFree) open_options_free = nullptr;
  decltype(&::TIFFOpenOptionsSetErrorHandlerExtR) set_error_handler = nullptr;
  decltype(&::TIFFOpenOptionsSetWarningHandlerExtR) set_warning_handler = nullptr;
  decltype(&::TIFFOpenOptionsSetMaxSingleMemAlloc) set_max_single_alloc = nullptr;
  decltype(&::TIFFClientOpenExt) client_open = nullptr;
  decltype(&::TIFFClose) close = nullptr;
  decltype(&::TIFFGetField) get_field = nullptr;
  decltype(&::TIFFGetFieldDefaulted) get_field_defaulted = nullptr;
  decltype(&::TIFFSetField) set_field = nullptr;
  decltype(&::TIFFIsTiled) is_tiled = nullptr;
  decltype(&::TIFFStripSize64) strip_size = nullptr;
  decltype(&::TIFFTileSize64) tile_size = nullptr;
  decltype(&::TIFFScanlineSize64) scanline_size = nullptr;
  decltype(&::TIFFTileRowSize64) tile_row_size = nullptr;
  decltype(&::TIFFComputeStrip) compute_strip = nullptr;
  decltype(&::TIFFReadEncodedStrip) read_encoded_strip = nullptr;
  decltype(&::TIFFGetStrileOffset) strile_offset = nullptr;
  decltype(&::TIFFReadTile) read_tile = nullptr;
  decltype(&::TIFFRGBAImageOK) rgba_image_ok = nullptr;
  decltype(&::TIFFRGBAImageBegin) rgba_image_begin = nullptr;
  decltype(&::TIFFRGBAImageGet) rgba_image_get = nullptr;
  decltype(&::TIFFRGBAImageEnd) rgba_image_end = nullptr;
};

// The one library of the process; kUnsupported, with what to install, where it is not there.
Result<const TiffLibrary*> tiff_library();

}  // namespace asterism
