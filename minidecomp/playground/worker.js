"use strict";
// The worker: it trains, and tells the page.
