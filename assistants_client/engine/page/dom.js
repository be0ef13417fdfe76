// Makes elements. There is no way to set HTML here, nor anywhere else on the page: whatever a model
// or a user wrote becomes a text node or the value of an attribute.

/**
 * Makes an element.
 * @param {string} tag Its name.
 * @param {object} attributes By name; those that are null, undefined or false are left out. `on` has
 *     listeners by event, `value` is the current value of a control.
 * @param {...(Node|string|number|null|Array)} children Nodes and texts; null ones are left out.
 */
export function h(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    setAttributes(element, attributes);
    element.append(...children.flat(Infinity).filter((one) => one !== null && one !== undefined));
    if (attributes.value !== undefined) element.value = attributes.value ?? ""; // of a select, needs its options
    return element;
}

/** Makes an element of SVG. */
export function svg(tag, attributes = {}, ...children) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    setAttributes(element, attributes);
    element.append(...children.flat(Infinity));
    return element;
}

function setAttributes(element, attributes) {
    for (const [name, value] of Object.entries(attributes)) {
        if (value === null || value === undefined || value === false || name === "value") continue;
        if (name === "on") {
            for (const [event, listener] of Object.entries(value)) {
                element.addEventListener(event, listener);
            }
        } else {
            element.setAttribute(name, value === true ? "" : value);
        }
    }
}

let ids = 0;

/** Returns an id that no other element has. */
export function newId() {
    ids += 1;
    return `id-${ids}`;
}
