#include "cli/application.hpp"

int main(int argc, char** argv) {
  return asterism::cli::run_application(argc, argv);
}
