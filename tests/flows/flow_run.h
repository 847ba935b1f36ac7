// Runs one flow: peers say what the file says, and everything the edge sends is looked at, by the file's expectations
// and by rules that hold in every flow (well-formed, no topology across, nothing left alive at the end).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/flows/actor.h"
#include "tests/flows/flow_file.h"
#include "tests/flows/pattern.h"
#include "tests/support/stack_bench.h"

namespace sallyport::test {

class FlowRun {
public:
    FlowRun();
    // Throws FlowError.
    void run(const FlowFile& flow);
    std::string transcript() const;

private:
    // flow_run.cpp
    void step(const FlowStep& step);
    void finish(const FlowFile& flow);
    void on_wire(const transaction::Transmit& transmit);
    void deliver(Actor& to, const std::string& bytes, const transaction::Transmit& transmit);
    void judge(const Actor& to, const std::string& bytes);
    Actor& actor(const FlowStep& step);
    Actor* actor_at(const Flow& flow);
    void settle() { bench_.run_for(0ms); }
    void note(const std::string& line);

    // flow_messages.cpp
    void send(const FlowStep& step);
    void send_wire(Actor& from, const std::string& bytes);
    TextMessage make_request(Actor& from, ActorCall& call, const FlowStep& step);
    TextMessage make_response(Actor& from, ActorCall& call, const FlowStep& step);
    void begin_call(Actor& from, ActorCall& call, const std::string& method, const std::string& uri);
    TextMessage make_ack(Actor& from, ActorCall& call);
    void add_registration(Actor& from, TextMessage& message) const;
    void edit(TextMessage& message, Actor& from, ActorCall& call, const FlowStep& step);
    void expect(const FlowStep& step);
    void check_details(const FlowStep& step, const TextMessage& message);
    void remember(Actor& at, ActorCall& call, const TextMessage& message, const std::string& bytes);

    // flow_world.cpp
    void world(const FlowStep& step);
    void set_media(const FlowStep& step);
    config::MusicOnHold music_on_hold(const FlowStep& step) const;
    void provision(const FlowStep& step);
    void add_to_zone(const FlowStep& step);
    void check(const FlowStep& step);
    std::string fact(const FlowStep& step, const std::string& subject, const std::string& name) const;

    std::map<std::string, Actor> actors_;
    Variables variables_;
    std::vector<std::string> lines_;
    std::string violation_;  // of a rule that holds in every flow
    std::uint64_t connections_ = 100;
    StackBench bench_;
};

Duration read_duration(const std::string& text, const std::string& place);

}  // namespace sallyport::test
