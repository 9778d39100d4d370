// What a torch module is to the loader: a library that needs another.
int asterism_gone();

extern "C" {

int asterism_needs_it();
int asterism_needs_it() {
  return asterism_gone();
}

}  // extern "C"
