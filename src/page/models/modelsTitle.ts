/** Title of the models' screen. Apart from its other words, which a reader's screen need not load. */
export const modelsTitle = 'Models';
