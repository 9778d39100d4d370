// A library that has the name of a module and is none.
extern "C" {

int asterism_something_else();
int asterism_something_else() {
  return 0;
}

}  // extern "C"
