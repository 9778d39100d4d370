#include "base/shared_library.hpp"

#include <gtest/gtest.h>

#include <cstddef>

namespace asterism {
namespace {

TEST(SharedLibrary, a_function_of_a_library_can_be_called) {
  const auto library = SharedLibrary::open("libc.so.6", "");
  ASSERT_TRUE(library) << library.error().to_string();
  const auto length = library->symbol<std::size_t (*)(const char*)>("strlen");
  ASSERT_TRUE(length) << length.error().to_string();
  EXPECT_EQ((*length)("four"), 4U);
}

TEST(SharedLibrary, a_missing_library_names_itself_and_what_to_do) {
  const auto library = SharedLibrary::open("libnowhere.so.1", "install it");
  ASSERT_FALSE(library);
  EXPECT_EQ(library.error().code, ErrorCode::kNotFound);
  EXPECT_NE(library.error().message.find("libnowhere.so.1"), std::string::npos) << library.error().message;
  EXPECT_EQ(library.error().hint, "install it");
}

TEST(SharedLibrary, a_missing_symbol_names_the_library_and_itself) {
  const auto library = SharedLibrary::open("libc.so.6", "install it");
  ASSERT_TRUE(library);
  const auto symbol = library->symbol<const int*>("no_such_symbol");
  ASSERT_FALSE(symbol);
  EXPECT_EQ(symbol.error().code, ErrorCode::kMismatch);
  EXPECT_EQ(symbol.error().message, "libc.so.6: expected the symbol \"no_such_symbol\", found none");
  EXPECT_EQ(symbol.error().hint, "install it");
}

}  // namespace
}  // namespace asterism
