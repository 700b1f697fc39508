/* The activations, h = act(a), and their slopes act'(a) as functions of h. */

MD_DEVICE real activate(int activation, real a) {
    switch (activation) {
        case RELU: return md_relu(a);
        case LEAKY_RELU: return md_leaky_relu(a);
        case TANH: return md_tanh(a);
        case SOFTPLUS: return md_softplus(a);
    }
    return a;
}

/* act'(a) from h = act(a) */
MD_DEVICE real activation_slope(int activation, real h) {
    switch (activation) {
        case RELU: return md_relu_slope(h);
        case LEAKY_RELU: return md_leaky_relu_slope(h);
        case TANH: return md_tanh_slope(h);
        case SOFTPLUS: return md_softplus_slope(h);
    }
    return 1;
}
