// the invitation link
