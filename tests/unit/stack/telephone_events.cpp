// What the media plane tells of digits that are dialled in a call (RFC 4733), as its ladder has it.
#include "tests/unit/stack/bench.h"

namespace sallyport::stack {

TEST_CASE("What is dialled in a call is in its ladder, and which digit only where the media plane was to say it") {
    Bench b;
    PbxCall call(b);
    b2bua::MediaEvent event;
    event.kind = b2bua::MediaEventKind::telephone_event;
    event.session = b.media.front().session;
    event.count = 1;
    event.telephone.milliseconds = 120;
    b.give(event);
    event.telephone.code = 11;
    event.telephone.unended = true;
    event.side = b2bua::Side::b;
    b.give(event);
    event.count = 3;
    event.telephone = {.code = 16, .milliseconds = 90, .unended = false};
    b.give(event);
    const auto view = b.stack.call("a-leg@pbx");
    REQUIRE(view.has_value());
    const std::string& ladder = view->ladder;
    CHECK(ladder.find("telephone-event, 120 ms from leg a, stream 0") != std::string::npos);
    CHECK(ladder.find("telephone-event #, 120 ms and perhaps longer, its end was lost, from leg b") !=
          std::string::npos);
    CHECK(ladder.find("3 telephone-events, the last one event 16, 90 ms from leg b") != std::string::npos);
}

}  // namespace sallyport::stack
