// The judge: a slow, obvious interpreter of the graph. Accumulates in double; one thread; no packing tricks.
#pragma once

#include <memory>

#include "graph/backend.hpp"

namespace asterism {

std::unique_ptr<Backend> make_reference_backend();

}  // namespace asterism
