#include "server/body_stream.hpp"

#include <gtest/gtest.h>

namespace asterism::server {
namespace {

TEST(BodyStream, gives_what_was_written_in_order_and_then_its_end) {
  BodyStream stream;
  EXPECT_TRUE(stream.write("a"));
  EXPECT_TRUE(stream.write("b"));
  auto taken = stream.take({});
  EXPECT_EQ(taken.data, "ab");
  EXPECT_FALSE(taken.ended);
  int woken = 0;
  EXPECT_EQ(stream.take([&] { ++woken; }).data, "");
  stream.write("c");
  EXPECT_EQ(woken, 1);
  stream.write("d");
  EXPECT_EQ(woken, 1) << "woken once for each time that nothing was there";
  stream.end();
  taken = stream.take({});
  EXPECT_EQ(taken.data, "cd");
  EXPECT_TRUE(taken.ended);
  EXPECT_FALSE(taken.broken_off);
  EXPECT_FALSE(stream.write("late"));
}

TEST(BodyStream, leaves_progress_out_while_the_client_does_not_read) {
  BodyStream stream;
  EXPECT_TRUE(stream.try_write("1"));
  EXPECT_FALSE(stream.try_write("2"));
  EXPECT_EQ(stream.take({}).data, "1");
  EXPECT_TRUE(stream.try_write("3"));
  EXPECT_EQ(stream.take({}).data, "3");
}

TEST(BodyStream, tells_the_maker_when_there_is_room_and_when_the_client_has_gone) {
  BodyStream stream;
  int room = 0;
  int gone = 0;
  stream.on_room([&] { ++room; });
  EXPECT_EQ(room, 1) << "nothing waits";
  stream.write("a");
  stream.on_room([&] { ++room; });
  EXPECT_EQ(room, 1);
  stream.take({});
  EXPECT_EQ(room, 2);
  stream.on_client_gone([&] { ++gone; });
  stream.client_gone();
  stream.client_gone();
  EXPECT_EQ(gone, 1);
  EXPECT_FALSE(stream.write("b"));
  stream.on_client_gone([&] { ++gone; });
  EXPECT_EQ(gone, 2) << "at once where it has gone already";
}

TEST(BodyStream, one_that_cannot_be_finished_says_so) {
  BodyStream stream;
  stream.write("half");
  stream.break_off();
  const auto taken = stream.take({});
  EXPECT_TRUE(taken.ended);
  EXPECT_TRUE(taken.broken_off);
}

TEST(BodyStream, a_client_that_goes_after_the_end_is_no_matter) {
  BodyStream stream;
  int gone = 0;
  stream.on_client_gone([&] { ++gone; });
  stream.end();
  stream.client_gone();
  EXPECT_EQ(gone, 0);
}

}  // namespace
}  // namespace asterism::server
