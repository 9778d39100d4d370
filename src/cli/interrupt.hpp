// Ctrl-C: the first asks the running job to stop where its output is whole, the second ends the process at once.
#pragma once

#include "asterism/cancel.hpp"

namespace asterism::cli {

// From here on SIGINT and SIGTERM request the returned flag. Commands whose work polls no flag do not call this and
// die at the first signal, which is what a user expects of them.
const CancelFlag& cancel_on_interrupt();

}  // namespace asterism::cli
