// What the server tests receive.
#pragma once

#include <string>

namespace sallyport::test {

struct Received {
    std::string method = "INVITE";
    std::string branch = "z9hG4bKtheirs";
    std::string to_tag;
    std::string uri = "sip:+4930123@edge.example";
    std::string via = "SIP/2.0/UDP pbx.example:5060";
    std::string call_id = "c2@pbx.example";
    std::string from_tag = "theirs";
    int number = 1;

    std::string text() const {
        return method + " " + uri + " SIP/2.0\n" + "Via: " + via + (branch.empty() ? "" : ";branch=" + branch) +
               ";rport\n" +
               "Max-Forwards: 70\n"
               "From: <sip:+4940@pbx.example>;tag=" +
               from_tag + "\n" + "To: <sip:+4930123@edge.example>" + (to_tag.empty() ? "" : ";tag=" + to_tag) + "\n" +
               "Call-ID: " + call_id + "\n" + "CSeq: " + std::to_string(number) + " " + method + "\n" +
               "Contact: <sip:pbx@198.51.100.7>\n";
    }
    Received as(std::string other_method, std::string tag = {}) const {
        Received r = *this;
        r.method = std::move(other_method);
        r.to_tag = std::move(tag);
        return r;
    }
    Received over(std::string other_branch) const {
        Received r = *this;
        r.branch = std::move(other_branch);
        return r;
    }
};

}  // namespace sallyport::test
