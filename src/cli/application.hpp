// The program: parse, run one command, map its result to an exit code.
#pragma once

namespace asterism::cli {

// Never throws; prints; returns the process's exit code. Once per process.
int run_application(int argument_count, const char* const* arguments);

}  // namespace asterism::cli
