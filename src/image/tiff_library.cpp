#include "image/tiff_library.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

namespace asterism {
namespace {

// Stays loaded to the end of the process: decoders run on threads that may outlive whoever loaded it.
Result<TiffLibrary> load() {
  void* handle = ::dlopen(ASTERISM_TIFF_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* reason = ::dlerror();
    return fail(ErrorCode::kUnsupported,
                fmt::format("TIFF: expected the library {}, found that it does not load: {}", ASTERISM_TIFF_LIBRARY,
                            reason == nullptr ? "no reason given" : reason),
                "install it (Debian: apt install libtiff6), or convert the file to PNG");
  }
  TiffLibrary library;
  bool complete = true;
  const auto find = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(handle, name));
    complete = complete && function != nullptr;
  };
  find(library.open_options_alloc, "TIFFOpenOptionsAlloc");
  find(library.open_options_free, "TIFFOpenOptionsFree");
  find(library.set_error_handler, "TIFFOpenOptionsSetErrorHandlerExtR");
  find(library.set_warning_handler, "TIFFOpenOptionsSetWarningHandlerExtR");
  find(library.set_max_single_alloc, "TIFFOpenOptionsSetMaxSingleMemAlloc");
  find(library.client_open, "TIFFClientOpenExt");
  find(library.close, "TIFFClose");
  find(library.get_field, "TIFFGetField");
  find(library.get_field_defaulted, "TIFFGetFieldDefaulted");
  find(library.set_field, "TIFFSetField");
  find(library.is_tiled, "TIFFIsTiled");
  find(library.strip_size, "TIFFStripSize64");
  find(library.tile_size, "TIFFTileSize64");
  find(library.scanline_size, "TIFFScanlineSize64");
  find(library.tile_row_size, "TIFFTileRowSize64");
  find(library.compute_strip, "TIFFComputeStrip");
  find(library.read_encoded_strip, "TIFFReadEncodedStrip");
  find(library.strile_offset, "TIFFGetStrileOffset");
  find(library.read_tile, "TIFFReadTile");
  find(library.rgba_image_ok, "TIFFRGBAImageOK");
  find(library.rgba_image_begin, "TIFFRGBAImageBegin");
  find(library.rgba_image_get, "TIFFRGBAImageGet");
  find(library.rgba_image_end, "TIFFRGBAImageEnd");
  if (!complete) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("TIFF: expected a {} of version 4.5 or newer, found an older one", ASTERISM_TIFF_LIBRARY),
                "install a newer libtiff, or convert the file to PNG");
  }
  return library;
}

}  // namespace

Result<const TiffLibrary*> tiff_library() {
  static const Result<TiffLibrary> library = load();
  if (!library) {
    return std::unexpected(library.error());
  }
  return &*library;
}

}  // namespace asterism
