#include "postgres/postgres_wire.hpp"

#include <gmock/gmock.h>

#include <cstring>
#include <limits>

#include "postgres/postgres_connection.hpp"

namespace asterism {
namespace {

using testing::ElementsAre;

std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) {
    text += static_cast<char>(value);
  }
  return text;
}

TEST(PostgresWire, vector_is_its_dim_a_zero_and_big_endian_floats) {
  EXPECT_EQ(*postgres_vector(std::vector{1.0F, -2.5F}, VectorType::kF32),
            bytes({0, 2, 0, 0, 0x3F, 0x80, 0, 0, 0xC0, 0x20, 0, 0}));
  EXPECT_EQ(*postgres_vector(std::vector{1.0F, -2.5F}, VectorType::kF16), bytes({0, 2, 0, 0, 0x3C, 0, 0xC1, 0}));
}

TEST(PostgresWire, vectors_come_back) {
  const std::vector<float> vector{0.0F, 1.5F, -3.25F, 65504.0F};
  for (const auto type : {VectorType::kF32, VectorType::kF16}) {
    EXPECT_EQ(vector_of_postgres(*postgres_vector(vector, type), 4, type).value(), vector);
    EXPECT_EQ(vector_of_postgres(*postgres_vector(vector, type), 3, type).error().code, ErrorCode::kCorrupt);
    EXPECT_EQ(vector_of_postgres("", 1, type).error().code, ErrorCode::kCorrupt);
  }
}

TEST(PostgresWire, half_that_overflows_is_refused) {
  EXPECT_EQ(postgres_vector(std::vector{65505.0F}, VectorType::kF16).error().code, ErrorCode::kInvalidArgument);
}

TEST(PostgresWire, integers_and_doubles) {
  EXPECT_EQ(postgres_int64(-2), bytes({255, 255, 255, 255, 255, 255, 255, 254}));
  EXPECT_EQ(int64_of_postgres(postgres_int64(std::numeric_limits<std::int64_t>::min())),
            std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(int64_of_postgres(bytes({255, 254})), -2);
  EXPECT_EQ(int64_of_postgres(bytes({0, 0, 1, 0})), 256);
  EXPECT_EQ(double_of_postgres(bytes({0xC0, 0x04, 0, 0, 0, 0, 0, 0})), -2.5);
}

TEST(PostgresWire, arrays_quote_what_they_hold) {
  EXPECT_EQ(postgres_bytes_array(std::vector{std::string("a\0\"", 3), std::string()}), R"({"\\x610022","\\x"})");
  EXPECT_EQ(postgres_text_array(std::vector<std::string>{"a\"b\\", ""}), R"({"a\"b\\",""})");
  EXPECT_EQ(postgres_text_array({}), "{}");
}

TEST(PostgresWire, copy_has_a_header_rows_and_an_end) {
  PostgresCopyRows rows(3);
  rows.begin_row();
  rows.add("ab");
  rows.add_null();
  rows.add_jsonb("{}");
  rows.finish();
  EXPECT_EQ(rows.take(), std::string("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19) + bytes({0, 3, 0, 0, 0, 2}) + "ab" +
                             bytes({255, 255, 255, 255, 0, 0, 0, 3, 1}) + "{}" + bytes({255, 255}));
  EXPECT_EQ(rows.size_bytes(), 0U);
}

TEST(PostgresErrors, only_what_passes_is_tried_again) {
  for (const char* state : {"40001", "40P01", "53300", "57P01", "57P02", "57P03", "08006", "08P01"}) {
    EXPECT_TRUE(is_passing_sqlstate(state)) << state;
  }
  for (const char* state : {"", "23505", "42601", "57014", "53100", "28P01", "22P02", "XX000"}) {
    EXPECT_FALSE(is_passing_sqlstate(state)) << state;
  }
}

TEST(PostgresErrors, states_are_codes_of_ours) {
  EXPECT_EQ(error_code_of_sqlstate("42P01"), ErrorCode::kNotFound);
  EXPECT_EQ(error_code_of_sqlstate("42501"), ErrorCode::kIo);
  EXPECT_EQ(error_code_of_sqlstate("53100"), ErrorCode::kNoSpace);
  EXPECT_EQ(error_code_of_sqlstate("53300"), ErrorCode::kNetwork);
  EXPECT_EQ(error_code_of_sqlstate("08006"), ErrorCode::kNetwork);
  EXPECT_EQ(error_code_of_sqlstate("57014"), ErrorCode::kCancelled);
  EXPECT_EQ(error_code_of_sqlstate("54000"), ErrorCode::kLimitExceeded);
  EXPECT_EQ(error_code_of_sqlstate("22P02"), ErrorCode::kInternal);
}

TEST(PostgresErrors, server_that_is_not_there_is_a_network_error) {
  const auto connection =
      PostgresConnection::open("postgresql://u:secret@127.0.0.1:1/db", "postgresql://u:***@127.0.0.1:1/db");
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().code, ErrorCode::kNetwork);
  EXPECT_EQ(connection.error().to_string().find("secret"), std::string::npos);
}

TEST(PostgresErrors, url_that_is_none_is_an_invalid_argument) {
  const auto connection = PostgresConnection::open("postgresql://host:notaport/db", "postgresql://host:notaport/db");
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().code, ErrorCode::kInvalidArgument) << connection.error().to_string();
}

}  // namespace
}  // namespace asterism
