// Small helpers.

function make(tag, properties = {}, ...children) {
  const { dataset, style, role, ...plain } = properties;
  const element = Object.assign(document.createElement(tag), plain);
  if (role) element.setAttribute("role", role);
  Object.assign(element.dataset, dataset ?? {});
  Object.assign(element.style, style ?? {});
  element.append(...children);
  return element;
}

// Call when the width of an element changes; gives what ends it. JupyterLab's own ResizeObserver never lets go of its
// callback, so that holds nothing once it has ended.
function watchWidth(element, call) {
  let current = call;
  const observer = new ResizeObserver(() => current?.());
  observer.observe(element);
  return () => {
    observer.disconnect();
    current = null;
  };
}
