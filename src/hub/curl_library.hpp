// libcurl, opened when something is first fetched: with the twenty libraries behind it, it would otherwise cost every
// start of the program some milliseconds. Internal to the module.
//
// The functions have the types that <curl/curl.h> declares, so a call reads as it does in libcurl's manual.
#pragma once

#include <curl/curl.h>

#include "asterism/error.hpp"

namespace asterism {

struct CurlLibrary {
  decltype(&::curl_global_init) global_init = nullptr;
  decltype(&::curl_easy_init) easy_init = nullptr;
  decltype(&::curl_easy_reset) easy_reset = nullptr;
  decltype(&::curl_easy_setopt) easy_setopt = nullptr;
  decltype(&::curl_easy_perform) easy_perform = nullptr;
  decltype(&::curl_easy_getinfo) easy_getinfo = nullptr;
  decltype(&::curl_easy_strerror) easy_strerror = nullptr;
  decltype(&::curl_easy_cleanup) easy_cleanup = nullptr;
  decltype(&::curl_slist_append) slist_append = nullptr;
  decltype(&::curl_slist_free_all) slist_free_all = nullptr;
  decltype(&::curl_url) url = nullptr;
  decltype(&::curl_url_set) url_set = nullptr;
  decltype(&::curl_url_get) url_get = nullptr;
  decltype(&::curl_url_cleanup) url_cleanup = nullptr;
  decltype(&::curl_free) free_string = nullptr;
};

// The one table of the process, initialised; the library is never closed. An error names the package to install.
// Thread-safe.
const Result<CurlLibrary>& curl_library();

}  // namespace asterism
