// A module of an Asterism that never was.
#include <cstdlib>

extern "C" {

const char* asterism_backend_module_version();
const char* asterism_backend_module_version() {
  return "0.0.0-other";
}

const void* asterism_backend_module();
const void* asterism_backend_module() {
  std::abort();  // its types are another version's: nobody may come here
}

}  // extern "C"
